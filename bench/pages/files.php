<?php
// Makes files of 1 kB in a directory of its own for a second, takes them away again, and says how many it made in a second.
$dir = getenv('HOME') . '/files';
mkdir($dir) || exit(1);
$text = str_repeat('x', 1024);
$began = hrtime(true);
for ($n = 0; ($took = hrtime(true) - $began) < 1e9; $n++) {
	file_put_contents("$dir/$n", $text) || exit(1);
}
for ($i = 0; $i < $n; $i++) {
	unlink("$dir/$i");
}
rmdir($dir);
echo $n / $took * 1e9;
