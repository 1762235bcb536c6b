"""Server of the demo: the command line without the machine-wide settings, which are limits towards ACC alone."""

from server.cli.main import main
from server.settings.files import machine_file_at

if __name__ == "__main__":
    with machine_file_at(None):
        main()
