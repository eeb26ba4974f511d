from django.contrib.auth.hashers import Argon2PasswordHasher


class OWASPArgon2PasswordHasher(Argon2PasswordHasher):
    """Argon2id with 19 MiB, 2 passes, 1 lane (OWASP Password Storage Cheat Sheet). Django's 100 MiB do 4/s a core."""

    memory_cost = 19 * 1024
    time_cost = 2
    parallelism = 1
