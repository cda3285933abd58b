// The words of the page, by language. To add a language, add a table with the same keys: the page then offers it.
//
// {0}, {1} are filled in. Labels are not translated: they are those of the photos.

export const LANGUAGES = {
  en: {
    name: "English",
    language: "Language",
    photo: "photo",
    hint: "Start the camera, or choose or drop a photo.",
    camera: "Camera",
    stop: "Stop",
    turn: "Front or back",
    pick: "Choose a photo",
    labels: "labels and their probabilities",
    latency: "photo to answer",
    rate: "frames per second",
    loaded: "model loaded in",
    decode: "decode",
    resize: "resize",
    invoke: "model",
    selfcheck: "Self-check",
    privacy: "Photos stay on this device: the page sends nothing.",
    loading: "loading",
    unsure: "unsure: {0} or {1}",
    none: "none of these",
    noLabel: "no label",
    similarity: "similarity {0}, a label needs {1}",
    probability: "probability {0}, a label needs {1}",
    offline: "works offline",
    noCamera: "The camera cannot be used: {0}. Cameras need https or localhost, and your permission.",
    noPhoto: "This is not a photo that the browser can read: {0}.",
    noModel: "The model could not be loaded: {0}.",
    noVectors: "This browser is too old: it lacks SIMD in WebAssembly, which the runtime needs. Update it.",
  },
  de: {
    name: "Deutsch",
    language: "Sprache",
    photo: "Foto",
    hint: "Kamera starten, oder ein Foto wählen oder hierher ziehen.",
    camera: "Kamera",
    stop: "Anhalten",
    turn: "Vorne oder hinten",
    pick: "Foto wählen",
    labels: "Klassen und ihre Wahrscheinlichkeiten",
    latency: "Foto bis Antwort",
    rate: "Bilder je Sekunde",
    loaded: "Modell geladen in",
    decode: "dekodieren",
    resize: "verkleinern",
    invoke: "Modell",
    selfcheck: "Selbsttest",
    privacy: "Fotos bleiben auf diesem Gerät: Die Seite sendet nichts.",
    loading: "lädt",
    unsure: "unsicher: {0} oder {1}",
    none: "nichts davon",
    noLabel: "keine Klasse",
    similarity: "Ähnlichkeit {0}, nötig ist {1}",
    probability: "Wahrscheinlichkeit {0}, nötig ist {1}",
    offline: "läuft ohne Netz",
    noCamera: "Die Kamera lässt sich nicht verwenden: {0}. Kameras brauchen https oder localhost und Ihre Erlaubnis.",
    noPhoto: "Das ist kein Foto, das der Browser lesen kann: {0}.",
    noModel: "Das Modell konnte nicht geladen werden: {0}.",
    noVectors: "Dieser Browser ist zu alt: Ihm fehlt SIMD in WebAssembly, das die Laufzeit braucht. Bitte aktualisieren.",
  },
};

let table = LANGUAGES.en;

// The language of the address (?lang=de), else the first of the browser's that there is, else English.
export function chooseLanguage(address = location.href, languages = navigator.languages) {
  const names = [new URL(address).searchParams.get("lang"), ...languages].filter(Boolean);
  return names.map((name) => name.toLowerCase().split("-")[0]).find((name) => name in LANGUAGES) || "en";
}

export function setLanguage(name) {
  table = LANGUAGES[name];
  document.documentElement.lang = name;
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = table[element.dataset.text];
  for (const element of document.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", table[element.dataset.label]);
  }
}

export function getText(key, ...values) {
  return table[key].replace(/\{(\d)\}/g, (_, index) => values[index]);
}

// A label may contain characters that change the direction of writing around it: they are shown as escapes. Joiners,
// which spell words of several languages, stay.
export function makePrintable(text) {
  return text.replace(/(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0).toString(16)}}`);
}

// Two numbers with as many decimals as are needed to see that they differ.
export function formatApart(value, least, format, digits) {
  for (let decimals = digits; decimals < 7; decimals += 1) {
    const texts = [value, least].map((number) => format(number, decimals));
    if (texts[0] !== texts[1] || decimals === 6) return texts;
  }
  return [];
}
