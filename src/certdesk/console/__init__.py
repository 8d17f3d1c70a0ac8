"""The managers' web application: server-rendered pages over the registration authority's use cases.

Every page works without JavaScript; htmx and a few lines of our own add comfort. A page module has a class whose
`routes()` say for each address who may call it; `app` puts them together, checks access, origin and CSRF token,
and only then calls the page.
"""
