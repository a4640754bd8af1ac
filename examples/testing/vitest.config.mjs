// Nothing has to be configured; without this file that of the repository would count.
export default {};
