// Texts of the panel and the card, from the integration's own translation files.
const DOMAIN = "fieldbridge";
const CATEGORY = "config_panel";
/** The code of the frontend's own library. */
const CONNECTION_LOST = 3;

/** Load the texts in the user's language; resolves to a function of key and placeholders, its `error` one of errors. */
export async function loadTexts(hass) {
  await hass.loadBackendTranslation("exceptions", DOMAIN);
  const localize = await hass.loadBackendTranslation(CATEGORY, DOMAIN);
  const own = (key, values) => localize(`component.${DOMAIN}.${CATEGORY}.${key}`, values);
  const texts = (key, values) => own(key, values) || key;
  // What Fieldbridge raised has a text of its own; the rest is told by its code, with the detail as it came.
  texts.error = (raised) => {
    const error = raised?.error ?? raised ?? {};
    const path = `component.${error.translation_domain}.exceptions.${error.translation_key}.message`;
    const told = error.translation_key && localize(path, error.translation_placeholders);
    if (told) return told;
    const detail = error.message ?? String(raised);
    const known = own(`error.${error.code === CONNECTION_LOST ? "connection_lost" : error.code}`);
    return known && detail ? `${known} (${detail})` : known || detail;
  };
  return texts;
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
