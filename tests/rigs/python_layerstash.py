"""Runs the Python layerstash 1.0.0 against a registry of the tests, with small chunks.

python_layerstash.py REGISTRY_URL TOKEN_URL SERVICE CHUNK_SIZE <arguments of layerstash>
"""

import sys

from layerstash import constants

registry_url, token_url, service, chunk_size = sys.argv[1:5]
constants.endpoint_dict["docker"] = constants.RegistryEndpoint(
    token_endpoint=token_url, registry_endpoint=f"{registry_url}/v2", service_auth_endpoint=service
)
constants.DEFAULT_CHUNK_SIZE = int(chunk_size)  # a default argument takes it when upload.py is loaded
constants.RETRIES = (None,)  # and nothing is waited for
sys.argv[1:5] = []

from layerstash.main import main  # noqa: E402

main()
