// Measures how far this device's clock is from the server's before the form is sent, so that a slow connection is not
// mistaken for a wrong clock.
import { deviceOffset } from "./time.js";

const TRIPS = 8;
const form = document.getElementById("clock");
if (form) {
  const [button, status] = ["button", "[role=status]"].map((name) => form.querySelector(name));
  button.textContent = "Compare clocks";
  button.disabled = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    measure(button, status);
  });
}

async function measure(button, status) {
  button.disabled = true;
  const offset = await deviceOffset(form.dataset.time, TRIPS, (trip) => {
    status.textContent = `Measuring: ${trip} of ${TRIPS}`;
  });
  button.disabled = false;
  if (!offset) {
    status.textContent =
      "The clocks could not be compared. Check that you are connected and signed in, then try again.";
    return;
  }
  status.textContent = "Measured";
  form.elements.offset_ms.value = offset.ms;
  form.elements.uncertainty_ms.value = offset.uncertainty;
  form.submit();
}
