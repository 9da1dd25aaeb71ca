import * as React from 'react';
import type { TranslationBundle } from '@jupyterlab/translation';

import { Push } from './push';
import type { INbprodModel, JSX } from '../tokens';
import type { Problem } from '../types';
import { ProblemBox } from './problem';

interface IFailedProps {
  readonly model: INbprodModel;
  readonly problem: Problem;
  readonly trans: TranslationBundle;
  /** Ask again. */
  readonly again: () => void;
}

/** What the server could not answer; where it has no nbprod at all, the model says that better. */
export function Failed({ model, problem, trans, again }: IFailedProps): JSX.Element {
  const told = !problem.what && model.problem ? model.problem : problem;
  return (
    <ProblemBox problem={told}>
      <Push onClick={again}>{trans.__('Try again')}</Push>
    </ProblemBox>
  );
}
