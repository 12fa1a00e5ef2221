const RTL = /^\P{L}*[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;

/** Which way a text runs, by its first letter, as dir="auto" has it. */
export const directionOf = (text: string): 'ltr' | 'rtl' => (RTL.test(text) ? 'rtl' : 'ltr');
