import * as React from 'react';

import type { JSX } from '../tokens';

interface IPushProps extends React.ButtonHTMLAttributes<HTMLButtonElement> {
  /** What one comes here for. */
  readonly isMain?: boolean;
}

/** A button in JupyterLab's look that does what the view says; `Action` is one that executes a command. */
export function Push({ isMain, className = '', ...others }: IPushProps): JSX.Element {
  const look = `jp-mod-styled nbprod-Button${isMain ? ' jp-mod-accept' : ''} ${className}`.trim();
  return <button type="button" className={look} {...others} />;
}
