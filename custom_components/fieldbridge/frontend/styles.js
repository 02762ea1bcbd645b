// Home Assistant's own colours, so that every theme, dark or light, fits.
export const STYLES = `
:host {
  display: block;
  min-height: 100%;
  background: var(--primary-background-color);
  color: var(--primary-text-color);
  font-family: var(--ha-font-family-body, Roboto, sans-serif);
  line-height: 1.4;
}
header {
  display: flex;
  align-items: center;
  gap: 8px;
  min-height: 56px;
  padding-inline: 12px;
  background: var(--app-header-background-color, var(--primary-color));
  color: var(--app-header-text-color, #fff);
}
h1 { font-size: 20px; font-weight: 400; margin: 0; }
h2 { font-size: 16px; font-weight: 500; margin: 0 0 8px; }
main { max-width: 1280px; margin: 0 auto; padding: 16px; }
main, .view { display: grid; grid-template-columns: minmax(0, 1fr); gap: 16px; }
section, .card {
  background: var(--card-background-color);
  border: 1px solid var(--divider-color);
  border-radius: var(--ha-card-border-radius, 12px);
  padding: 16px;
  min-width: 0;
}
.row { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 16px; }
[role="tablist"] { display: flex; gap: 4px; }
button, select {
  font: inherit;
  color: var(--primary-text-color);
  background: var(--card-background-color);
  border: 1px solid var(--secondary-text-color);
  border-radius: 8px;
  padding: 8px 14px;
  min-height: 40px;
  cursor: pointer;
}
button[aria-pressed="true"], button[aria-selected="true"] { border-width: 2px; font-weight: 500; }
button:disabled { opacity: 0.6; cursor: default; }
:is(button, select, input, a, [tabindex]):focus-visible { outline: 3px solid var(--primary-color); outline-offset: 2px; }
a { color: var(--primary-text-color); }
fieldset { border: 0; margin: 0; padding: 0; }
legend { padding: 0; margin-bottom: 4px; color: var(--primary-text-color); }
label { display: inline-flex; align-items: center; gap: 6px; min-height: 32px; }
.scroll { overflow: auto; max-height: 60vh; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
caption { text-align: start; padding-bottom: 8px; }
th, td { text-align: start; padding: 6px 8px; border-bottom: 1px solid var(--divider-color); vertical-align: top; }
th { position: sticky; top: 0; background: var(--card-background-color); font-weight: 500; }
td.bytes { font-family: monospace; font-size: 13px; min-width: 16em; max-width: 28em; overflow-wrap: anywhere; direction: ltr; }
td.number { font-variant-numeric: tabular-nums; white-space: nowrap; direction: ltr; }
.note { color: var(--primary-text-color); margin: 4px 0; }
figure { margin: 0; }
figcaption { display: flex; flex-wrap: wrap; gap: 4px 16px; font-size: 14px; }
svg { width: 100%; height: 140px; display: block; direction: ltr; }
svg text { fill: var(--primary-text-color); font-size: 11px; }
.axis { stroke: var(--divider-color); }
.raw { fill: none; stroke: var(--secondary-text-color); stroke-width: 1; stroke-dasharray: 3 3; }
.filtered { fill: none; stroke: var(--primary-color); stroke-width: 2; }
`;

/** Return an element with attributes and children; text is never read as markup. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}
