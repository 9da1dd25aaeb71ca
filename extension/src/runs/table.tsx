import type { TranslationBundle } from '@jupyterlab/translation';
import { useVirtualizer } from '@tanstack/react-virtual';
import * as React from 'react';

import { SortHeading } from '../components/sortheading';
import type { JSX } from '../tokens';
import type { Run } from '../types';
import { FIRST_WIDTH, sorted } from './columns';
import type { IColumn, ISort } from './columns';
import type { IRuns } from './pages';
import { RunRow } from './row';

export const ROW_HEIGHT = 44;
const SETTLED = 60; // ms without scrolling

/** How far the list was scrolled, and the row that had the focus (-1: none yet). */
export interface IPlace {
  offset: number;
  row: number;
}

interface ITableProps {
  readonly runs: IRuns;
  readonly columns: readonly IColumn[];
  readonly sort: ISort;
  readonly onSort: (sort: ISort) => void;
  readonly selected: ReadonlyMap<string, Run>;
  readonly onSelect: (run: Run) => void;
  readonly onOpen: (run: Run) => void;
  /** Where the reader was when the list was last shown; written as they go on. */
  readonly place: React.MutableRefObject<IPlace>;
  readonly trans: TranslationBundle;
}

/** The list of runs: only the rows in view are drawn, the arrow keys go through all of them. */
export function RunsTable(props: ITableProps): JSX.Element {
  const { runs, columns, sort, onSort, selected, onSelect, onOpen, place, trans } = props;
  const total = runs.total ?? 0;
  const scroller = React.useRef<HTMLDivElement>(null);
  const [current, setCurrent] = React.useState(Math.max(0, place.current.row));
  const rows = useVirtualizer({
    count: total,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 8,
    initialOffset: place.current.offset
  });
  const items = rows.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items[items.length - 1]?.index ?? 0;
  // what is scrolled past is not asked for
  React.useEffect(() => {
    const timer = window.setTimeout(() => runs.want(first, last), SETTLED);
    return () => window.clearTimeout(timer);
  }, [runs.want, first, last]);
  React.useEffect(() => {
    if (place.current.row >= 0) {
      focusRow(scroller.current, place.current.row);
    }
  }, []);
  // the rows in view always have one at which the tab key stops
  const stop = Math.min(Math.max(current, first), last);

  const onKeyDown = (event: React.KeyboardEvent): void => {
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / ROW_HEIGHT) - 2);
    const steps: Record<string, number> = {
      ArrowDown: stop + 1,
      ArrowUp: stop - 1,
      PageDown: stop + page,
      PageUp: stop - page,
      Home: 0,
      End: total - 1
    };
    if (!(event.key in steps)) {
      return;
    }
    event.preventDefault();
    const next = Math.min(Math.max(steps[event.key], 0), total - 1);
    setCurrent(next);
    rows.scrollToIndex(next);
    focusRow(scroller.current, next);
  };

  // the same functions all the time, so that rows are not drawn anew for nothing
  const acts = React.useRef({ onOpen, onSelect });
  acts.current = { onOpen, onSelect };
  const open = React.useCallback((run: Run, index: number) => {
    setCurrent(index);
    place.current.row = index;
    acts.current.onOpen(run);
  }, []);
  const select = React.useCallback((run: Run) => acts.current.onSelect(run), []);

  const width = FIRST_WIDTH + columns.reduce((sum, column) => sum + column.width, 0);
  const above = items[0]?.start ?? 0;
  const below = rows.getTotalSize() - (items[items.length - 1]?.end ?? 0);
  const heading = (key: string, label: string): JSX.Element => (
    <SortHeading
      label={label}
      order={sort.key === key ? sort.order : null}
      onSort={() => onSort(sorted(sort, key))}
      trans={trans}
    />
  );
  return (
    <div
      className="nbprod-Runs-scroller"
      ref={scroller}
      onScroll={event => (place.current.offset = event.currentTarget.scrollTop)}
    >
      <table
        className="nbprod-Table nbprod-Runs-table"
        style={{ width }}
        aria-rowcount={total + 1}
        aria-label={trans.__('Runs')}
        aria-busy={runs.isLoading}
      >
        <colgroup>
          <col style={{ width: FIRST_WIDTH }} />
          {columns.map(column => (
            <col key={column.key} style={{ width: column.width }} />
          ))}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            <th
              scope="col"
              className="nbprod-Runs-first"
              aria-sort={ariaSort(sort, 'created') ?? ariaSort(sort, 'status') ?? 'none'}
            >
              {heading('created', trans.__('started'))}
              {heading('status', trans.__('state'))}
            </th>
            {columns.map(column => (
              <th
                key={column.key}
                scope="col"
                className={column.isNumber ? 'nbprod-mod-number' : ''}
                aria-sort={ariaSort(sort, column.key) ?? 'none'}
              >
                {heading(column.key, column.label)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody onKeyDown={onKeyDown}>
          <tr aria-hidden="true" className="nbprod-Runs-space" style={{ height: above }} />
          {items.map(item => (
            <RunRow
              key={item.key}
              run={runs.at(item.index)}
              index={item.index}
              height={ROW_HEIGHT}
              columns={columns}
              isSelected={selected.has(runs.at(item.index)?.id ?? '')}
              isCurrent={item.index === stop}
              onOpen={open}
              onSelect={select}
              trans={trans}
            />
          ))}
          <tr aria-hidden="true" className="nbprod-Runs-space" style={{ height: below }} />
        </tbody>
      </table>
    </div>
  );
}

function ariaSort(sort: ISort, key: string): 'ascending' | 'descending' | undefined {
  return sort.key !== key ? undefined : sort.order === 'asc' ? 'ascending' : 'descending';
}

/** Put the focus on a row once it is drawn. */
function focusRow(scroller: HTMLElement | null, index: number, tries = 10): void {
  const row = scroller?.querySelector<HTMLElement>(`button[data-index="${index}"]`);
  if (row) {
    row.focus({ preventScroll: true });
  } else if (tries > 0) {
    requestAnimationFrame(() => focusRow(scroller, index, tries - 1));
  }
}
