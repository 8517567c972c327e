// Runs before the first paint: the person's choice, else the system's, as data-bs-theme on <html>.
const KEY = "jt-theme";
const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme:dark)");

function chosen(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // storage is shut off: follow the system
  }
}

function apply(): void {
  root.dataset.bsTheme = chosen() ?? (dark.matches ? "dark" : "light");
}

apply();
dark.addEventListener("change", () => {
  apply();
  document.dispatchEvent(new CustomEvent("jt:theme"));
});
