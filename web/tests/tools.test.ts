import { describe, expect, it } from 'vitest';
import { contentOf, fieldsOf, initialOf, problemOf, type Typed } from '../src/features/tools/asked';
import { harmless, noted, pretty, seen, summary, taskOf } from '../src/features/tools/results';
import { byTag, configOf, empty, neededOf, secretsOf, textsOf, type Operation } from '../src/features/tools/servers';

describe('the result of a tool', () => {
  it('is a table when it is a list of flat objects, also as the only member', () => {
    const rows = [{ a: 1, b: 'x' }, { a: null, c: true }];
    const table = { as: 'table', columns: ['a', 'b', 'c'], rows: [[1, 'x', null], [null, null, true]] };
    expect(seen(JSON.stringify(rows), undefined)).toEqual(table);
    expect(seen('text for the model', { items: rows })).toEqual(table);
  });
  it('has whole numbers as they were said, also beyond what a page can count to', () => {
    const text = '[{"id":9007199254740993,"n":9007199254740991,"x":0.12345678901234567,"t":"is 12345678901234567"},{"id":-12345678901234567890,"n":1e400,"x":1,"t":""}]';
    const rows = [['9007199254740993', 9007199254740991, 0.12345678901234567, 'is 12345678901234567'], ['-12345678901234567890', Infinity, 1, '']];
    expect(seen(text, undefined)).toEqual({ as: 'table', columns: ['id', 'n', 'x', 't'], rows });
    expect(seen('{"items":[{"id":9007199254740993}]}', { items: [{ id: 9007199254740992 }] })).toEqual({ as: 'table', columns: ['id'], rows: [['9007199254740993']] });
    // A text that is no JSON is read once, and not from each of its quotes to the end.
    const begun = performance.now();
    expect(seen('1234567890123456 "' + '\\"'.repeat(1 << 18), { a: 1 })).toEqual({ as: 'data', data: { a: 1 } });
    expect(performance.now() - begun).toBeLessThan(10_000);
    // The text says something else: what is structured counts.
    expect(seen('9007199254740993 is the id', { items: [{ id: 9007199254740992 }] })).toEqual({ as: 'table', columns: ['id'], rows: [[9007199254740992]] });
    expect(seen('{"a":{"id":9007199254740993}}', undefined)).toEqual({ as: 'data', data: { a: { id: '9007199254740993' } } });
  });
  it('is a tree when something in it is deeper, text when it is no data', () => {
    expect(seen('', { a: { b: 1 } }).as).toBe('data');
    expect(seen('[{"a":{"b":1}}]', undefined).as).toBe('data');
    expect(seen('[]', undefined).as).toBe('data');
    expect(seen('[not json', undefined)).toEqual({ as: 'text', text: '[not json' });
    expect(seen('42', undefined).as).toBe('text');
  });
  it('is a chart when it says so, or has data, a mark and an encoding', () => {
    const spec = { data: { values: [{ a: 1 }] }, mark: 'bar', encoding: { x: { field: 'a' } } };
    expect(seen('', spec)).toEqual({ as: 'chart', spec });
    expect(seen('', { chart: spec })).toEqual({ as: 'chart', spec });
    expect(seen('', { $schema: 'https://vega.github.io/schema/vega-lite/v6.json', mark: 'bar' }).as).toBe('chart');
    expect(seen('', { mark: 'bar' }).as).toBe('data');
  });
  it('is a fact about the person only as the built-in tool tells it', () => {
    const structured = { memory: { id: '1', text: 'Drinks tea.' } };
    expect(noted({ source: 'builtin', name: 'remember', structured })).toEqual(structured.memory);
    expect(noted({ source: 'quay', name: 'remember', structured })).toBeNull();
    expect(noted({ source: 'builtin', name: 'python', structured })).toBeNull();
    expect(noted({ source: 'builtin', name: 'remember', structured: { memory: { id: 1 } } })).toBeNull();
    expect(noted({ source: 'builtin', name: 'remember', structured: undefined })).toBeNull();
  });
  it('fetches nothing and leads nowhere as a chart', () => {
    const spec = { data: { url: 'https://x/y.csv', values: [1] }, layer: [{ mark: { type: 'image' }, encoding: { url: { value: 'x' }, href: { value: 'javascript:0' } } }] };
    expect(harmless(spec)).toEqual({ data: { values: [1] }, layer: [{ encoding: {} }] });
  });
  it('rests on arguments that are shown as they run', () => {
    const data = { a: [], b: {}, c: [1, { d: 'x\n"{[,:' }], e: null, f: [[true, -1.5e-7]] };
    expect(pretty(JSON.stringify(data))).toBe(JSON.stringify(data, null, 2));
    expect(pretty('{"id":12345678901234567890,"x":1.0,"a":1,"a":2,"9":0,"1":1e400}')).toBe('{\n  "id": 12345678901234567890,\n  "x": 1.0,\n  "a": 1,\n  "a": 2,\n  "9": 0,\n  "1": 1e400\n}');
    expect(pretty('{"file":"a\u202etxt.exe","s":"\\u00ad\u{e0041}\u0085é🎉 می\u200cشود"}')).toBe('{\n  "file": "a\\u202etxt.exe",\n  "s": "\\u00ad\\udb40\\udc41\\u0085é🎉 می\u200cشود"\n}');
    expect(pretty('{"half":"of')).toBe('{"half":"of');
  });
  it('is told of a call in one line', () => {
    expect(summary('{"expression":"2 + 2"}')).toBe('2 + 2');
    expect(summary('{"path":"/a\\nb","n":3,"deep":{"x":[1]}}')).toBe('path: /a b, n: 3, deep: {"x":[1]}');
    expect(summary('{"pa')).toBe('{"pa');
  });
});

it('the task of an assistant is read as text, also while it is written', () => {
  expect(taskOf('{"task":"Find it.","context":"At sea."}')).toBe('Find it.\n\nAt sea.');
  expect(taskOf('{"task":"Fi')).toBe('{"task":"Fi');
});

describe('the question of a tool', () => {
  const schema = {
    type: 'object',
    properties: {
      name: { type: 'string', title: 'Your name', minLength: 2, maxLength: 5 },
      mail: { type: 'string', format: 'email' },
      age: { type: 'integer', minimum: 1, maximum: 120 },
      rate: { type: 'number', default: 0.5 },
      sure: { type: 'boolean', default: true },
      size: { type: 'string', enum: ['s', 'm'], enumNames: ['Small', 'Medium'], default: 'm' },
      tone: { type: 'string', oneOf: [{ const: 'a', title: 'Aa' }] },
      days: { type: 'array', minItems: 1, items: { anyOf: [{ const: 'mo', title: 'Monday' }, { const: 'tu' }] } },
      when: { type: 'string', format: 'date' },
      odd: { type: 'object' },
    },
    required: ['name', 'days'],
  };
  const fields = fieldsOf(schema);
  const field = (name: string) => fields.find((f) => f.name === name)!;
  const problem = (name: string, typed: Typed) => problemOf(field(name), typed);

  it('has a field for each flat property', () => {
    expect(fields.map((f) => `${f.name}:${f.kind}`).join(' ')).toBe('name:text mail:text age:integer rate:number sure:boolean size:choice tone:choice days:choices when:text');
    expect(field('name').label).toBe('Your name');
    expect(field('size').choices).toEqual([{ value: 's', label: 'Small' }, { value: 'm', label: 'Medium' }]);
    expect(field('days').choices.map((c) => c.label)).toEqual(['Monday', 'tu']);
    expect(fields.map(initialOf)).toEqual(['', '', '', '0.5', true, 'm', '', [], '']);
    const [odd] = fieldsOf({ properties: { size: { type: 'string', enum: [1, 's', 'm', 's'], enumNames: ['One', 'Small', 'Medium'] } } });
    expect(odd!.choices).toEqual([{ value: 's', label: 'Small' }, { value: 'm', label: 'Medium' }]);
    expect(fieldsOf(null)).toEqual([]);
    expect(fieldsOf({ properties: { a: 1 } })).toEqual([]);
  });
  it('says what is wrong with what was typed', () => {
    expect(problem('name', '')).not.toBe('');
    expect(problem('name', 'x')).not.toBe('');
    expect(problem('name', 'abcdef')).not.toBe('');
    expect(problem('name', 'Ada')).toBe('');
    expect(problem('mail', '')).toBe('');
    expect(problem('mail', 'ada')).not.toBe('');
    expect(problem('mail', 'ada@x')).toBe('');
    expect(problem('age', '0')).not.toBe('');
    expect(problem('age', '1.5')).not.toBe('');
    expect(problem('age', '7')).toBe('');
    expect(problem('rate', 'x')).not.toBe('');
    expect(problem('rate', '1,5')).toBe('');
    expect(problem('days', [])).not.toBe('');
    expect(problem('days', ['mo'])).toBe('');
    expect(problem('when', 'soon')).not.toBe('');
  });
  it('is answered with values of the types that were asked for, without what is empty', () => {
    const typed: Record<string, Typed> = { name: ' Ada ', mail: '', age: '7', rate: '1,5', sure: false, size: '', tone: 'a', days: ['mo'], when: '2026-01-02' };
    expect(contentOf(fields, typed)).toEqual({ name: 'Ada', age: 7, rate: 1.5, sure: false, tone: 'a', days: ['mo'], when: '2026-01-02' });
  });
});

describe('a tool server in a form', () => {
  const openapi = (x: object, had?: Record<string, unknown>) => configOf('openapi', { ...empty, ...x }, had);

  it('is an OpenAPI document at an address or itself, never both', () => {
    expect(openapi({ url: ' https://a/openapi.json ' })).toEqual({ url: 'https://a/openapi.json' });
    expect(openapi({ url: 'https://a', pasted: true, document: 'openapi: 3.1.0' }, { url: 'https://a' })).toEqual({ document: 'openapi: 3.1.0' });
  });
  it('keeps what the form does not know, and forgets what was taken out of it', () => {
    const had = { url: 'https://a', timeout_s: 9, operations: ['GET /a'], server: 'https://s', auth: { type: 'bearer' } };
    expect(openapi({ url: 'https://a', operations: ['GET /b'] }, had)).toEqual({ url: 'https://a', timeout_s: 9, operations: ['GET /b'] });
  });
  it('has one way of access, and the secrets that go with it', () => {
    expect(openapi({ url: 'u', auth: 'header', authName: ' X-Key ' })).toEqual({ url: 'u', auth: { type: 'header', name: 'X-Key' } });
    expect(secretsOf('openapi', { ...empty, auth: 'basic', user: 'ada', token: 'p' })).toEqual({ user: 'ada', password: 'p' });
    expect(secretsOf('http', { ...empty, auth: 'bearer', token: 't' })).toEqual({ token: 't' });
    expect(secretsOf('mcp-http', { ...empty, auth: 'basic', token: 't' })).toEqual({ bearer: 't' });
  });
  it('lacks what its kind needs, and only that', () => {
    const lacks = (kind: Parameters<typeof neededOf>[0], x: object = {}) => neededOf(kind, { ...empty, ...x }).filter((text) => !text).length;
    expect((['mcp-stdio', 'mcp-http', 'python', 'openapi', 'http'] as const).map((kind) => lacks(kind))).toEqual([1, 1, 1, 1, 2]);
    expect(lacks('openapi', { url: 'u', pasted: true })).toBe(1);
    expect(lacks('openapi', { document: '{}', pasted: true, auth: 'header' })).toBe(1);
    expect(lacks('mcp-http', { url: 'u', auth: 'query' })).toBe(0);
  });
  it('is read as it was written', () => {
    const config = { document: '{}', server: 'https://s', auth: { type: 'query', name: 'key' }, operations: ['GET /a'] };
    expect(openapi(textsOf({ config } as never), config)).toEqual(config);
  });
  it('has its operations by their first tag', () => {
    const of = (id: string, ...tags: string[]) => ({ id, tags }) as Operation;
    expect(byTag([of('a', 'x'), of('b'), of('c', 'x', 'y')]).map(([tag, list]) => [tag, list.map((o) => o.id).join('')])).toEqual([['x', 'ac'], ['', 'b']]);
  });
});
