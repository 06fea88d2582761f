// The frames of avow's text mark, as docs call them: maximal runs of U+FE00 to
// U+FE0D whose length is a multiple of 22. Anything else is not ours and stays.
const run = /[\uFE00-\uFE0D]+/g;

export const unmark = (text) => text.replace(run, (r) => (r.length % 22 ? r : ""));

// count returns how many frames a text holds.
export const count = (text) => (text.match(run) ?? []).reduce((n, r) => n + (r.length % 22 ? 0 : r.length / 22), 0);
