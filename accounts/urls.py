from django.urls import path

from accounts import views

urlpatterns = [
    path("v1/auth/onboard", views.OnboardView.as_view(), name="onboard"),
    path("v1/auth/login", views.LoginView.as_view(), name="login"),
    path("v1/auth/logout", views.LogoutView.as_view(), name="logout"),
    path("v1/auth/me", views.MeView.as_view(), name="me"),
    path("v1/auth/whoami", views.WhoamiView.as_view(), name="whoami"),
]
