import { expect, it } from 'vitest';
import { isSamePlace, placeCount, placeName } from '$core/places';


it('calls sheets by their names, slides by their numbers, and what is not known a page', () => {
  const names = () => [{ place: 'sheet', label: 'Prices' }, { place: 'sheet', label: '' }, { place: 'slide', label: '' }, { place: 'slide', label: 'a.odp' }, { place: 'file', label: 'a/b.md' }, { place: 'page' }, {}].map((p) => placeName({ page: 2, ...p }));
  expect(names()).toEqual(['Sheet Prices', 'Sheet 2', 'Slide 2', 'a.odp · Slide 2', 'a/b.md', 'Page 2', 'Page 2']);
  expect(placeName({ page: 0, place: '', label: '' })).toBe('');
  expect([placeCount('xlsx', 1), placeCount('pptx', 3), placeCount('pdf', 2), placeCount(null, 2)]).toEqual(['1 sheet', '3 slides', '2 pages', '2 pages']);
});

it('tells the same number of two files in one archive apart', () => {
  expect(isSamePlace({ page: 1, place: 'sheet', label: 'A' }, { page: 1, place: 'sheet', label: 'B' })).toBe(false);
  expect(isSamePlace({ page: 1, place: 'page', label: '' }, { page: 1, place: 'page', label: '' })).toBe(true);
});
