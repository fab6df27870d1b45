import { z } from 'zod';
import { templateProblem } from './template.js';

/** The longest pattern that a file can hold. */
export const MAX_TEXT = 500;

/** Text that may hold templates. */
export const text = z
  .string()
  .min(1)
  .max(MAX_TEXT)
  .superRefine((value, context) => {
    const problem = templateProblem(value);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  });
