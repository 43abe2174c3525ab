"""Where the files of a form are while it is read: in memory alone, for some of them are keys."""

from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import MemoryFileUploadHandler


class MemoryOnly(MemoryFileUploadHandler):
    """Of a file larger than FILE_UPLOAD_MAX_MEMORY_SIZE nothing is kept but its size, by which a
    form can say so."""

    def handle_raw_input(self, *_: Any, **__: Any) -> None:
        self.activated = True

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if start + len(raw_data) <= settings.FILE_UPLOAD_MAX_MEMORY_SIZE:
            self.file.write(raw_data)
        else:
            self.file = BytesIO()

    def file_complete(self, file_size: int) -> InMemoryUploadedFile:
        self.file.seek(0)
        return InMemoryUploadedFile(
            file=self.file,
            field_name=self.field_name,
            name=self.file_name or "",
            content_type=self.content_type or "",
            size=file_size,
            charset=self.charset,
            content_type_extra=self.content_type_extra,
        )
