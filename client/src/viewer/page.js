"use strict";
// Zooms the photo, and replaces it by words when its time is over.
const photo = document.getElementById("photo");
const told = document.getElementById("told");
const zoom = document.getElementById("zoom");
const STEP = 1.25, SMALLEST = 0.05, LARGEST = 8;
let scale = 0; // 0: it fits

function show(next) {
  scale = next === 0 ? 0 : Math.min(LARGEST, Math.max(SMALLEST, next));
  photo.className = scale === 0 ? "fits" : "zoomed";
  photo.style.width = scale === 0 ? "" : Math.round(photo.naturalWidth * scale) + "px";
}

function by(step) {
  const now = scale === 0 ? photo.clientWidth / photo.naturalWidth : scale;
  show(now * step);
}

function toggle() { show(scale === 0 ? 1 : 0); }

function tell(words) {
  photo.hidden = true;
  photo.removeAttribute("src");
  zoom.hidden = true;
  told.textContent = words;
  told.hidden = false;
}

photo.addEventListener("click", toggle);
photo.addEventListener("error", () => { if (!photo.hidden) tell(told.dataset.failed); });
document.getElementById("smaller").addEventListener("click", () => by(1 / STEP));
document.getElementById("larger").addEventListener("click", () => by(STEP));
document.getElementById("fit").addEventListener("click", () => show(0));
document.addEventListener("keydown", (key) => {
  if (photo.hidden || key.ctrlKey || key.metaKey || key.altKey) return;
  if (key.key === "+" || key.key === "=") by(STEP);
  else if (key.key === "-") by(1 / STEP);
  else if (key.key === "0") show(0);
  else if (key.key === "Enter" && key.target === photo) toggle();
});
setTimeout(() => tell(told.dataset.over), Number(document.body.dataset.seconds) * 1000);
