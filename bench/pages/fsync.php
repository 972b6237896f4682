<?php
// Appends 4 kB to a file and waits until they are on the disk, for a second, and says how often it did so in a second.
$path = getenv('HOME') . '/fsync';
$file = fopen($path, 'x') ?: exit(1);
$text = str_repeat('x', 4096);
$began = hrtime(true);
for ($n = 0; ($took = hrtime(true) - $began) < 1e9; $n++) {
	fwrite($file, $text) && fsync($file) || exit(1);
}
unlink($path);
echo $n / $took * 1e9;
