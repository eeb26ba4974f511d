from django.contrib import admin

admin.site.site_title = admin.site.site_header = "Memgraph operators"
admin.site.index_title = "Installation"
admin.site.site_url = None  # operators can't sign in to the Studio
admin.site.enable_nav_sidebar = False  # the tables are wide
