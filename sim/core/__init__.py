"""The nouns of lazypull as columns and frozen values; result schema, units and the one exception family.

Import from the modules: `errors`, `units`, `bundle`, `tree`, `layout`, `trace`, `program`, `host`,
`network`, `result`.
"""
