/** What others wrote, as text only: nothing of it may move the cursor, hide or reverse text, or end a line. */
export const printable = (text: string) => text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '\ufffd');
