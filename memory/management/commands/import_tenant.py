from typing import Any

from django.core.management.base import CommandError, CommandParser
from rest_framework.exceptions import APIException

from memory.management.tenant_command import TenantCommand
from memory.records import NO_AUTHOR
from memory.transfer.files import read_file, size_of
from memory.transfer.importing import Imported, import_tenant
from memory.transfer.lines import Bounded, Gunzipped, Readable
from memory.transfer.progress import ShownBytes, ShownRows, import_bar
from tenants.actor import command_line_actor
from tenants.models import Tenant


class Command(TenantCommand):
    help = "Imports an export into a tenant, as POST /v1/admin/import does: all or nothing, with no size limit."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", metavar="FILE", help="file name; unpacked if it ends in .gz; - for standard input")
        parser.add_argument("--dry-run", action="store_true", help="only report what would be imported")
        parser.add_argument(
            "--on-conflict", choices=["skip", "fail"], default="skip", help="for rows that exist (default: skip)"
        )
        parser.add_argument("--max-bytes", type=int, metavar="N", help="refuse a file that is larger, unpacked")

    def handle_tenant(self, tenant: Tenant, **options: Any) -> None:
        try:
            imported = self.import_file(tenant, **options)
        except APIException as error:
            raise CommandError(str(error.detail)) from None
        except OSError as error:
            raise CommandError(f"Nothing was imported: {error}") from None
        would = "would be " if options["dry_run"] else ""
        for name, created in imported.created.items():
            self.stdout.write(f"{name}: {created} {would}created, {imported.skipped[name]} {would}skipped")

    def import_file(self, tenant: Tenant, **options: Any) -> Imported:
        with read_file(options["file"]) as file, import_bar(size_of(file)) as bar:
            stream: Readable = ShownBytes(file, bar)
            if options["file"].endswith(".gz"):
                stream = Gunzipped(Bounded(stream, options["max_bytes"]))
            return import_tenant(
                tenant_id=tenant.id,
                authors=NO_AUTHOR,
                stream=ShownRows(stream, bar),
                most=options["max_bytes"],
                on_conflict=options["on_conflict"],
                dry_run=options["dry_run"],
                actor=command_line_actor(),
            )
