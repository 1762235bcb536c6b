"""Bundles and listings: what other programs and catalogues install this server from, made for one release."""
