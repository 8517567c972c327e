"""Offline packages (光盘分发): layer versions on a disc, signed, with a viewer that opens without a server.

::

    index.html  viewer.js  viewer.css  content.js      opened by double-click, from file://
    layers/1-DLTB/
        tiles.pmtiles  manifest.json  metadata.json  style.json  [data.parquet]
        tiles-0.js …   the archive in parts and         rows-0.js …   the rows by number, both for the viewer
    package.json            who, what, for whom, by which approval, and the hash of every file
    package.json.sig.json   the node's signature over it
    SHA256SUMS  README.txt

`making` writes a package, `checking` says whether it is whole, `ledger` keeps who was given what.
"""
