package postgres

import (
	"os"
	"path/filepath"
	"runtime"

	"github.com/jackc/pgservicefile"
)

// fileSettings are the settings of the driver that name files, and the variables for them.
var fileSettings = []struct{ name, variable string }{
	{"sslkey", "PGSSLKEY"},
	{"sslcert", "PGSSLCERT"},
	{"sslrootcert", "PGSSLROOTCERT"},
	{"passfile", "PGPASSFILE"},
	{"servicefile", "PGSERVICEFILE"},
}

// Files returns the absolute paths of the local files that [Open] reads for a URL, each time it
// is called, whether they exist or not: the key and certificate of the client, the authorities,
// the passwords and the services, where the URL, its service or the variables PGSSLKEY,
// PGSSLCERT, PGSSLROOTCERT, PGPASSFILE and PGSERVICEFILE name them. A URL that Open refuses
// counts as postgres:, which names none. The driver's defaults in the home directory are not
// among them. Files opens none of these but the file of services.
func Files(url string) []string {
	_, query, err := split(url)
	if err != nil {
		query = nil
	}
	var service map[string]string
	// As in the driver, the URL overrides the service, and that the variables.
	value := func(name, variable string) string {
		if all, ok := query[name]; ok {
			return all[len(all)-1]
		}
		if v, ok := service[name]; ok {
			return v
		}
		return os.Getenv(variable)
	}
	// The driver does not look for the file of services in the service.
	services := value("servicefile", "PGSERVICEFILE")
	if name := value("service", "PGSERVICE"); name != "" {
		service = serviceOf(services, name)
	}
	var files []string
	for _, setting := range fileSettings {
		path := value(setting.name, setting.variable)
		if setting.name == "servicefile" {
			path = services
		}
		// For the driver, this names the system's authorities.
		if path == "" || setting.name == "sslrootcert" && path == "system" {
			continue
		}
		if abs, err := filepath.Abs(path); err == nil {
			path = abs
		}
		files = append(files, path)
	}
	return files
}

// serviceOf returns the settings of a service in file, nil if it has none. Without a file, it
// is the driver's default.
func serviceOf(file, name string) map[string]string {
	if file == "" {
		file = defaultServices()
	}
	services, err := pgservicefile.ReadServicefile(file)
	if err != nil {
		return nil
	}
	service, err := services.GetService(name)
	if err != nil {
		return nil
	}
	return service.Settings
}

// defaultServices returns the file of services in the home directory, "" if there is none.
func defaultServices() string {
	dir, err := os.UserHomeDir()
	if runtime.GOOS == "windows" {
		dir = filepath.Join(os.Getenv("APPDATA"), "postgresql")
	}
	if err != nil {
		return ""
	}
	return filepath.Join(dir, ".pg_service.conf")
}
