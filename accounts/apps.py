from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from django.contrib import admin  # here: neither can be imported before the apps are known

        from accounts.forms import LimitedSignInForm

        admin.site.login_form = LimitedSignInForm
