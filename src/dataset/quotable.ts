/** What quotes a stranger's file, as text only: no control character of it may reach a terminal. */
export const quotable = (text: string) => text.replace(/\p{C}/gu, '\ufffd');
