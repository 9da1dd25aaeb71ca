import * as React from 'react';

import type { Problem } from '../types';
import { problemOf } from './problem';

export interface IAsked<T> {
  /** The newest answer; it stays while another one is on its way. */
  readonly value: T | null;
  readonly problem: Problem | null;
  readonly isLoading: boolean;
  /** Ask again. */
  readonly again: () => void;
}

/** Ask the server when `key` changes, and on demand; an answer that comes too late is dropped. */
export function useAsked<T>(ask: () => Promise<T>, key: string): IAsked<T> {
  const [round, setRound] = React.useState(0);
  const [state, setState] = React.useState<Omit<IAsked<T>, 'again'>>({
    value: null,
    problem: null,
    isLoading: true
  });
  React.useEffect(() => {
    let isCurrent = true;
    setState(old => ({ ...old, isLoading: true }));
    ask().then(
      value => isCurrent && setState({ value, problem: null, isLoading: false }),
      (error: unknown) =>
        isCurrent && setState(old => ({ ...old, problem: problemOf(error), isLoading: false }))
    );
    return () => {
      isCurrent = false;
    };
  }, [key, round]);
  const again = React.useCallback(() => setRound(count => count + 1), []);
  return { ...state, again };
}
