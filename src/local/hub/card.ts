import { parseDocument } from 'yaml';
import { z } from 'zod';
import type { HubRequest } from './hub-request.ts';
import { sendJson } from './replies.ts';

/** The block between two lines of three dashes at the beginning of a README.md. */
const METADATA = /^\s*---[\r\n]+([\s\S]*?)[\r\n]+---(?:\r?\n|$)/;

const oneOrMore = z.union([z.string(), z.array(z.string())]);
/** Fields of a dataset card whose form the Hub checks. Others may be anything. */
const Card = z.looseObject({
  annotations_creators: oneOrMore.optional(),
  configs: z.array(z.looseObject({ config_name: z.string() })).optional(),
  language: oneOrMore.optional(),
  license: oneOrMore.optional(),
  license_link: z.string().optional(),
  license_name: z.string().optional(),
  pretty_name: z.string().optional(),
  size_categories: oneOrMore.optional(),
  source_datasets: oneOrMore.optional(),
  tags: z.array(z.string()).nullish(),
  task_categories: z.array(z.string()).optional(),
  task_ids: z.array(z.string()).optional(),
});

interface CardFindings {
  errors: { message: string }[];
  warnings: { message: string }[];
}

/** `/api/validate-yaml`: clients send a README.md here before they commit it. */
export function validateYaml({ body, response }: HubRequest): void {
  const { content } = JSON.parse(body.toString()) as { content: string };
  const findings = checkCard(content);
  sendJson(response, findings, {}, findings.errors.length > 0 ? 400 : 200);
}

/** What the Hub finds in the metadata of a README.md. */
function checkCard(readme: string): CardFindings {
  const yaml = METADATA.exec(readme)?.[1] ?? '';
  if (yaml.trim() === '') return { errors: [], warnings: [{ message: 'empty or missing yaml metadata in repo card' }] };
  const document = parseDocument(yaml, { logLevel: 'silent' });
  if (document.errors.length > 0) return { errors: document.errors.map(({ message }) => ({ message })), warnings: [] };
  const card = Card.safeParse(document.toJS({ maxAliasCount: 100 }));
  if (card.success) return { errors: [], warnings: [] };
  const errors = card.error.issues.map(({ path, message }) => ({ message: `"${path.join('.')}": ${message}` }));
  return { errors, warnings: [] };
}
