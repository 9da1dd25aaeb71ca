import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { JSX } from '../tokens';

interface ISortHeadingProps {
  readonly label: string;
  /** How the table is sorted by this column; null while it is by another one. */
  readonly order: 'asc' | 'desc' | null;
  readonly onSort: () => void;
  readonly trans: TranslationBundle;
}

/** A heading that sorts its table; `aria-sort` belongs on the `th` around it. */
export function SortHeading({ label, order, onSort, trans }: ISortHeadingProps): JSX.Element {
  return (
    <button
      type="button"
      className="nbprod-SortHeading"
      onClick={onSort}
      title={trans.__('Sort by %1', label)}
    >
      <span className="nbprod-SortHeading-label">{label}</span>
      <span className="nbprod-SortHeading-sign" aria-hidden="true">
        {order === 'asc' ? '▲' : order === 'desc' ? '▼' : ''}
      </span>
    </button>
  );
}
