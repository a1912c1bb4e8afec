// The collection in use. Files that are chosen before the list of collections has come wait for it.

let name = "";
let known, failed;
const first = new Promise((resolve, reject) => { known = resolve; failed = reject; });
first.catch(() => {}); // reported by the callers, and by the start of the page

export function chooseCollection(chosen) {
  name = chosen;
  known();
}

// The list of collections did not come: whatever waits ends with that error.
export function noCollection(error) {
  failed(error);
}

export async function collectionInUse() {
  await first;
  return name;
}
