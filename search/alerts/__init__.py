"""ToldArticle -> Alert: what rings, what is only noted, and what people did about it."""
