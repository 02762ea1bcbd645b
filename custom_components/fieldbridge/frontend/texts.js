// Texts of the panel and the card, from the integration's own translation files.
const DOMAIN = "fieldbridge";
const CATEGORY = "config_panel";

/** Load the texts in the user's language; resolves to a function of key and placeholders. */
export async function loadTexts(hass) {
  const localize = await hass.loadBackendTranslation(CATEGORY, DOMAIN);
  return (key, values) => localize(`component.${DOMAIN}.${CATEGORY}.${key}`, values) || key;
}

/** Return a number as people of this language write it. */
export function formatNumber(hass, value, digits = 4) {
  if (typeof value !== "number") return value === null || value === undefined ? "–" : String(value);
  return new Intl.NumberFormat(hass.locale?.language, { maximumSignificantDigits: digits }).format(value);
}

/** Return seconds since 1970 as time of day with milliseconds. */
export function formatTime(hass, seconds) {
  return new Intl.DateTimeFormat(hass.locale?.language, {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    fractionalSecondDigits: 3,
  }).format(new Date(seconds * 1000));
}
