// What a real API's parser takes, as small functions: a shape looks at a
// value and throws Bad, with the path of what is wrong, when it is not so.

export class Bad extends Error {
  constructor(path, message, more = {}) {
    super(message);
    Object.assign(this, { path, status: 400 }, more);
  }
}

const bad = (path, message) => { throw new Bad(path, message); };
const dotted = (path, name) => (path ? `${path}.${name}` : name);
const kind = (what, is) => (value, path) => {
  if (!is(value)) bad(path, `${path}: expected ${what}, got ${kindOf(value)}`);
};

export const kindOf = (value) => (value === null ? 'null'
  : Array.isArray(value) ? 'array' : typeof value);

export const any = () => {};
export const nul = kind('null', (v) => v === null);
export const str = kind('a string', (v) => typeof v === 'string');
export const num = kind('a number', Number.isFinite);
export const int = kind('an integer', Number.isInteger);
export const bool = kind('a boolean', (v) => typeof v === 'boolean');
export const dict = kind('an object', (v) => kindOf(v) === 'object');
export const base64 = kind('base64', (v) => typeof v === 'string'
  && v.length > 0 && v.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(v));

export const filled = (value, path) => {
  str(value, path);
  if (!value) bad(path, `${path}: must not be empty`);
};

export const like = (pattern) => (value, path) => {
  str(value, path);
  if (!pattern.test(value)) bad(path, `${path}: must match ${pattern}`);
};

export const within = (low, high, shape = num) => (value, path) => {
  shape(value, path);
  if (value < low || value > high) {
    bad(path, `${path}: must be between ${low} and ${high}, got ${value}`);
  }
};

export const one = (...words) => (value, path) => {
  if (!words.includes(value)) {
    bad(path, `${path}: ${JSON.stringify(value)} is none of ${words}`);
  }
};

export const list = (shape, { least = 0, most = Infinity } = {}) =>
  (value, path) => {
    if (!Array.isArray(value)) bad(path, `${path}: expected an array`);
    if (value.length < least || value.length > most) {
      bad(path, `${path}: array of ${value.length}, ${least}..${most} may be`);
    }
    value.forEach((item, n) => shape(item, `${path}[${n}]`));
  };

// The first shape that fits; else what the last one says.
export const either = (...shapes) => (value, path) => {
  let why;
  for (const shape of shapes) {
    try { return shape(value, path); } catch (error) { why = error; }
  }
  throw why;
};

export const maybe = (shape) => (value, path) => {
  if (value !== null) shape(value, path);
};

// No member but these; a name that ends with ? may be absent.
export const object = (members) => {
  const shapes = new Map(Object.entries(members).map(([name, shape]) =>
    [name.replace(/\?$/, ''), { shape, must: !name.endsWith('?') }]));
  return (value, path) => {
    dict(value, path);
    for (const name of Object.keys(value)) {
      const member = shapes.get(name);
      if (!member) {
        throw new Bad(dotted(path, name),
          `Unknown parameter: '${dotted(path, name)}'.`, { unknown: true });
      }
      member.shape(value[name], dotted(path, name));
    }
    for (const [name, { must }] of shapes) {
      if (must && !(name in value)) {
        throw new Bad(dotted(path, name),
          `Missing required parameter: '${dotted(path, name)}'.`);
      }
    }
  };
};

// Objects told apart by one member.
export const tagged = (tag, shapes, otherwise) => (value, path) => {
  dict(value, path);
  const shape = shapes[value[tag] ?? otherwise];
  if (!shape) {
    bad(dotted(path, tag), `${dotted(path, tag)}: `
      + `${JSON.stringify(value[tag])} is none of ${Object.keys(shapes)}`);
  }
  shape(value, path);
};
