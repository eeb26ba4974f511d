from contextlib import closing
from typing import Any

from django.core.management.base import CommandError, CommandParser
from rest_framework.exceptions import APIException

from memory.management.tenant_command import TenantCommand
from memory.transfer.exporting import count_lines, export_tenant
from memory.transfer.files import written_file
from memory.transfer.progress import shown_export
from tenants.actor import command_line_actor
from tenants.models import Tenant


class Command(TenantCommand):
    help = "Exports a tenant's memory, as GET /v1/admin/export does. An interrupted export leaves no file."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", metavar="FILE", help="file name; gzipped if it ends in .gz; - for standard output")
        parser.add_argument("--force", action="store_true", help="replace an existing file")

    def handle_tenant(self, tenant: Tenant, **options: Any) -> None:
        try:
            with (
                written_file(options["file"], force=options["force"]) as file,
                closing(export_tenant(tenant_id=tenant.id, actor=command_line_actor())) as chunks,
            ):
                for chunk in shown_export(chunks, total=count_lines(tenant.id)):
                    file.write(chunk)
        except APIException as error:
            raise CommandError(str(error.detail)) from None
        except OSError as error:
            raise CommandError(f"Nothing was exported: {error}") from None
