"use strict";
// A reload of this page, or a way back to it, leads to the key's own page: it neither shows the key nor makes another.
history.replaceState(null, "", document.getElementById("made").dataset.page);
