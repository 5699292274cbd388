"use strict";
document.getElementById("start").addEventListener("click", () => window.location.reload());
window.addEventListener("load", () => document.querySelector(".xterm-helper-textarea").focus());
