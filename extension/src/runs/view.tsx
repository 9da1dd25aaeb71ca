import * as React from 'react';

import { Empty } from '../components/empty';
import type { IViewProps } from '../panel';
import type { JSX } from '../tokens';

export function RunsView({ trans }: IViewProps): JSX.Element {
  return <Empty title={trans.__('Runs')} />;
}
