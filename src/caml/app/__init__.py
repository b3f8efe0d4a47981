"""The page: a server on this machine that draws, analyses and saves, and what a browser shows.

`access` is who may ask, `server` what can be asked, `store` what outlives a tab, `opening` tables,
`scene` and `pictures` what is seen, `choices` networks and methods, `jobs` and `worker` what takes
longer, `exports` what leaves. The browser's part is in `page/`.
"""
