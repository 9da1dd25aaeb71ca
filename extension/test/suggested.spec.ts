import { describe, expect, it } from 'vitest';

import { suggestedEdits } from '../src/pipeline/suggested';
import type { Suggestion } from '../src/types';

const cells = ['c1', 'c2', 'c3', 'c4'].map(id => ({
  id,
  isCode: true,
  tags: id === 'c1' ? ['x'] : []
}));
const suggestion: Suggestion = {
  tasks: [
    { name: 'load', cells: ['c1'], why: '' },
    { name: 'train', cells: ['c2', 'c3'], why: '' },
    { name: 'show', cells: ['c4'], why: '' }
  ],
  tags: {
    c1: ['x', 'task:load'],
    c2: ['task:train'],
    c4: ['task:show', 'after:train', 'metrics']
  },
  reasons: {}
};

describe('suggestedEdits', () => {
  it('are the tags as they are proposed', () => {
    expect(Object.fromEntries(suggestedEdits(cells, suggestion, {}))).toEqual(suggestion.tags);
  });

  it('take the names that the user gives, in order tags too', () => {
    const edits = suggestedEdits(cells, suggestion, { train: 'fit' });
    expect(edits.get('c2')).toEqual(['task:fit']);
    expect(edits.get('c4')).toEqual(['task:show', 'after:fit', 'metrics']);
  });

  it('leave out what the user drops', () => {
    const edits = suggestedEdits(cells, suggestion, { train: null });
    expect(edits.has('c2')).toBe(false);
    expect(edits.get('c4')).toEqual(['task:show', 'metrics']);
  });

  it('are none where all cells have their tags', () => {
    const tagged = cells.map(cell => ({ ...cell, tags: suggestion.tags[cell.id] ?? cell.tags }));
    expect(suggestedEdits(tagged, suggestion, {}).size).toBe(0);
  });
});
