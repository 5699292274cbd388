"""The console on the screen."""

import os

# Textual paints by a timer that goes on from frame to frame: with its 60 a second, a key that comes when
# output has just been painted waits for up to two beats, longer than for all that is done for it. How many
# frames there are is not for that timer to say, but for the terminal (pacing.py).
os.environ.setdefault("TEXTUAL_FPS", "240")
