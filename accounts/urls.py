from django.urls import path

from accounts.views import invitations, members, passwords, sessions, sign_in

session, member, invitation = sessions.SessionViewSet, members.MemberViewSet, invitations.InvitationViewSet

urlpatterns = [
    path("v1/auth/onboard", sign_in.OnboardView.as_view(), name="onboard"),
    path("v1/auth/login", sign_in.LoginView.as_view(), name="login"),
    path("v1/auth/logout", sign_in.LogoutView.as_view(), name="logout"),
    path("v1/auth/me", sign_in.MeView.as_view(), name="me"),
    path("v1/auth/whoami", sign_in.WhoamiView.as_view(), name="whoami"),
    path("v1/auth/sessions", session.as_view({"get": "list"}), name="sessions"),
    path("v1/auth/sessions/<str:id>", session.as_view({"delete": "destroy"}), name="session"),
    path("v1/auth/password", passwords.PasswordView.as_view(), name="password"),
    path("v1/auth/password-reset", passwords.PasswordResetView.as_view(), name="password-reset"),
    path("v1/auth/password-reset/confirm", passwords.PasswordResetConfirmView.as_view(), name="password-reset-confirm"),
    path("v1/auth/invitations/accept", invitations.AcceptInvitationView.as_view(), name="accept-invitation"),
    path("v1/users", member.as_view({"get": "list"}), name="users"),
    path(
        "v1/users/<str:id>",
        member.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
        name="user",
    ),
    path("v1/users/<str:id>/reset-link", member.as_view({"post": "make_reset_link"}), name="user-reset-link"),
    path("v1/invitations", invitation.as_view({"get": "list", "post": "create"}), name="invitations"),
    path("v1/invitations/<str:id>", invitation.as_view({"delete": "destroy"}), name="invitation"),
]
