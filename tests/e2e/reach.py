"""What can be measured of reach: every field has a name, every text stands out from what is behind it."""

from __future__ import annotations

from typing import Any

__all__ = ["faint", "unnamed"]

UNNAMED = """() => [...document.querySelectorAll("input:not([type=hidden]), select, textarea, button, a[href], summary")]
  .filter((e) => e.checkVisibility() && !(
    e.labels?.length || e.getAttribute("aria-label") || e.getAttribute("aria-labelledby") || e.title
    || e.textContent.trim() && !e.matches("select, textarea")))
  .map((e) => e.outerHTML.slice(0, 160))"""

FAINT = """() => {
  const parse = (c) => (c.match(/^rgba?\\(([^)]+)\\)$/)?.[1] ?? "").split(/[ ,/]+/).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (e) => {
    for (let at = e; at; at = at.parentElement) {
      const style = getComputedStyle(at), [r, g, b, a = 1] = parse(style.backgroundColor);
      if (style.backgroundImage !== "none" || r === undefined || (a > 0 && a < 1)) return null;  // cannot be told
      if (a === 1) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const e of document.querySelectorAll("body *")) {
    if (e.closest("svg, canvas, .jt-map, .jt-chart, .jt-sr, [disabled], dialog:not([open])")) continue;
    if (!e.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    if (![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) continue;
    const ink = parse(getComputedStyle(e).color), ground = behind(e);
    if (!ground || ink.length < 3) continue;
    const [a, b] = [light(ink), light(ground)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) found.push(`${ratio.toFixed(2)} ${e.tagName}.${e.className} “${e.textContent.trim().slice(0, 30)}”`);
  }
  return [...new Set(found)];
}"""


def unnamed(page: Any) -> list[str]:
    """Visible fields, buttons and links without a name for those who do not see them."""
    return list(page.evaluate(UNNAMED))


def faint(page: Any) -> list[str]:
    """Texts of less than 4.5 : 1 against their plain background; over pictures and gradients nothing is said."""
    return list(page.evaluate(FAINT))
