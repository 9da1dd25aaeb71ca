import type { INbprodModel } from '../tokens';

/** Have the next run take these values. Names that the notebook no longer has are left out. */
export function applyParameters(
  model: INbprodModel,
  parameters: Readonly<Record<string, unknown>>
): void {
  const known = model.analysis?.parameters.map(one => one.name);
  for (const [name, value] of Object.entries(parameters)) {
    if (!known || known.includes(name)) {
      model.setParameter(name, value);
    }
  }
}
