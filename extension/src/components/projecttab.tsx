import * as React from 'react';

import type { IViewProps } from '../panel';
import type { JSX } from '../tokens';
import { ProblemBox } from './problem';
import { WhenShown } from './shown';

export interface IProjectProps extends IViewProps {
  /** The notebook's path. */
  readonly path: string;
  readonly isShown: boolean;
}

interface IProjectTabProps extends IViewProps {
  readonly content: React.ComponentType<IProjectProps>;
}

/**
 * A tab of what the project keeps of a notebook, drawn anew for another notebook. While `pipelines.yaml` cannot be
 * read nobody knows under which name that is kept: an empty list would be wrong.
 */
export function ProjectTab({ content: Content, ...props }: IProjectTabProps): JSX.Element {
  const { model, trans } = props;
  const path = model.path ?? '';
  const problem = model.analysis?.config_problem;
  return (
    <WhenShown>
      {isShown =>
        problem ? (
          <>
            <ProblemBox problem={problem} />
            <p>
              {trans.__(
                'Runs, sweeps and models of this notebook are shown again once that is mended.'
              )}
            </p>
          </>
        ) : (
          <Content key={path} {...props} path={path} isShown={isShown} />
        )
      }
    </WhenShown>
  );
}
