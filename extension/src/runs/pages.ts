/** The runs of a notebook, asked for by pages as they come into view. */
import * as React from 'react';

import { problemOf } from '../components/problem';
import type { Api, IRunQuery } from '../api';
import type { Problem, Run } from '../types';

export const PAGE = 100;

export interface IRuns {
  /** How many there are; null until the server has said so. */
  readonly total: number | null;
  readonly problem: Problem | null;
  readonly isLoading: boolean;
  /** The run at a place of the list; undefined while it is on its way. */
  readonly at: (index: number) => Run | undefined;
  /** All that are known, in order. */
  readonly known: readonly Run[];
  /** Have the runs of these places asked for. */
  readonly want: (first: number, last: number) => void;
  /** Ask again for what is in view; what was known stays until the answer comes. */
  readonly again: () => void;
}

/** The pages that hold the places from `first` to `last`. */
export function pagesOf(first: number, last: number): number[] {
  const from = Math.floor(Math.max(0, first) / PAGE);
  const to = Math.floor(Math.max(0, last) / PAGE);
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

interface IState {
  readonly total: number | null;
  readonly pages: ReadonlyMap<number, readonly Run[]>;
  readonly problem: Problem | null;
}

const NOTHING: IState = { total: null, pages: new Map(), problem: null };

/** Follow the list that `query` asks for. */
export function useRuns(api: Api, path: string, query: IRunQuery): IRuns {
  const key = JSON.stringify([path, query]);
  const [state, setState] = React.useState<IState>(NOTHING);
  const [open, setOpen] = React.useState(0);
  const round = React.useRef(0);
  const asked = React.useRef(new Set<number>());
  const inView = React.useRef<readonly number[]>([0]);

  const ask = React.useCallback(
    async (page: number, now: number) => {
      asked.current.add(page);
      setOpen(count => count + 1);
      try {
        const { total, runs } = await api.runs(path, {
          ...query,
          limit: PAGE,
          offset: page * PAGE
        });
        if (now === round.current) {
          setState(old => ({ total, pages: new Map(old.pages).set(page, runs), problem: null }));
        }
      } catch (error) {
        if (now === round.current) {
          asked.current.delete(page);
          setState(old => ({ ...old, problem: problemOf(error) }));
        }
      } finally {
        setOpen(count => count - 1);
      }
    },
    [api, key]
  );

  const want = React.useCallback(
    (first: number, last: number) => {
      inView.current = pagesOf(first, last);
      for (const page of inView.current) {
        if (!asked.current.has(page)) {
          void ask(page, round.current);
        }
      }
    },
    [ask]
  );

  const again = React.useCallback(() => {
    round.current += 1;
    asked.current = new Set();
    const kept = new Set(inView.current);
    setState(old => ({
      ...old,
      pages: new Map([...old.pages].filter(([page]) => kept.has(page)))
    }));
    for (const page of inView.current) {
      void ask(page, round.current);
    }
  }, [ask]);

  React.useEffect(() => {
    round.current += 1;
    asked.current = new Set();
    inView.current = [0];
    setState(NOTHING);
    void ask(0, round.current);
  }, [ask]);

  const at = (index: number): Run | undefined =>
    state.pages.get(Math.floor(index / PAGE))?.[index % PAGE];
  const known = React.useMemo(
    () => [...state.pages].sort(([a], [b]) => a - b).flatMap(([, runs]) => runs),
    [state.pages]
  );
  return { ...state, isLoading: open > 0, at, known, want, again };
}
