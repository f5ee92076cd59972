// The device's own clock, taken at the moment it is asked for.
const clock = document.getElementById("clock");
clock?.addEventListener("submit", () => { clock.elements.device_ms.value = Date.now(); });
