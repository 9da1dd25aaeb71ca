import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { JSX } from '../tokens';
import type { Parameter } from '../types';
import { isNumeric } from './fields';
import type { FieldPart, How, IField, IReading } from './fields';
import { FieldError } from './form';

interface IFieldProps {
  readonly parameter: Parameter;
  readonly field: IField;
  readonly reading: IReading;
  readonly onChange: (field: IField) => void;
  readonly trans: TranslationBundle;
}

/** A parameter of the sweep: one value, some, or a range. */
export function ParameterField(props: IFieldProps): JSX.Element {
  const { parameter, field, reading, onChange, trans } = props;
  const id = React.useId();
  const change = (part: Partial<IField>): void => onChange({ ...field, ...part });
  const input = (part: Exclude<FieldPart, 'log'>, label: string, hint = ''): JSX.Element => (
    <TextField
      id={`${id}-${part}`}
      label={label}
      name={parameter.name}
      hint={hint}
      value={field[part]}
      error={reading.errors[part]}
      onChange={value => change({ [part]: value })}
    />
  );
  return (
    <div className="nbprod-Parameter" role="group" aria-labelledby={`${id}-name`}>
      <div className="nbprod-Parameter-head">
        <code id={`${id}-name`} className="nbprod-Parameter-name" title={parameter.name}>
          {parameter.name}
        </code>
        <span className="nbprod-Parameter-type">{parameter.type}</span>
        <select
          className="nbprod-Select"
          aria-label={trans.__('How %1 is given', parameter.name)}
          value={field.how}
          onChange={event => change({ how: event.target.value as How })}
        >
          <option value="fixed">{trans.__('one value')}</option>
          <option value="choices">{trans.__('choices')}</option>
          {isNumeric(parameter) ? <option value="range">{trans.__('range')}</option> : null}
        </select>
      </div>
      {field.how === 'fixed' ? input('fixed', trans.__('value')) : null}
      {field.how === 'choices' ? input('choices', trans.__('values'), '1, 2, 4') : null}
      {field.how === 'range' ? (
        <div className="nbprod-Parameter-range">
          {input('low', trans.__('from'))}
          {input('high', trans.__('to'))}
          {field.log ? null : input('step', trans.__('step'), trans.__('any'))}
          <label className="nbprod-Check">
            <input
              type="checkbox"
              checked={field.log}
              onChange={event =>
                change({ log: event.target.checked, step: event.target.checked ? '' : field.step })
              }
            />
            {trans.__('logarithmic')}
          </label>
        </div>
      ) : null}
    </div>
  );
}

interface ITextFieldProps {
  readonly id: string;
  readonly label: string;
  /** What the field belongs to, for its accessible name. */
  readonly name?: string;
  readonly hint?: string;
  readonly value: string;
  readonly error?: string;
  readonly onChange: (value: string) => void;
}

/** A labelled field of text with what is wrong below it. */
export function TextField(props: ITextFieldProps): JSX.Element {
  const { id, label, name, hint, value, error, onChange } = props;
  return (
    <div className="nbprod-TextField">
      <label htmlFor={id}>
        {name ? <span className="nbprod-mod-unseen">{name} </span> : null}
        {label}
      </label>
      <input
        id={id}
        className="nbprod-Input"
        value={value}
        placeholder={hint}
        spellCheck={false}
        autoComplete="off"
        aria-invalid={error ? true : undefined}
        aria-describedby={error ? `${id}-error` : undefined}
        onChange={event => onChange(event.target.value)}
      />
      {error ? <FieldError id={`${id}-error`} text={error} /> : null}
    </div>
  );
}
