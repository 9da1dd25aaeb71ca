import * as React from 'react';

import type { Problem } from '../types';
import { problemOf } from './problem';

export interface IDeed {
  /** What is being done now; empty while nothing is. */
  readonly doing: string;
  /** Why the last one did not succeed. */
  readonly problem: Problem | null;
  /** Do it; `name` tells deeds apart. Resolves to whether it succeeded. */
  readonly act: (name: string, work: () => Promise<unknown>) => Promise<boolean>;
  readonly forget: () => void;
}

/** Something that a button does: one at a time, with what went wrong. */
export function useDeed(): IDeed {
  const [doing, setDoing] = React.useState('');
  const [problem, setProblem] = React.useState<Problem | null>(null);
  const isThere = React.useRef(true);
  React.useEffect(() => {
    isThere.current = true;
    return () => {
      isThere.current = false;
    };
  }, []);
  const act = React.useCallback(async (name: string, work: () => Promise<unknown>) => {
    setDoing(name);
    setProblem(null);
    let found: Problem | null = null;
    try {
      await work();
    } catch (error) {
      found = problemOf(error);
    }
    if (isThere.current) {
      setDoing('');
      setProblem(found);
    }
    return found === null;
  }, []);
  const forget = React.useCallback(() => setProblem(null), []);
  return { doing, problem, act, forget };
}
